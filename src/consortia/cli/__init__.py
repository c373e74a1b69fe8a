"""The command line: thin, no numbers. Everything heavy is imported inside the command."""
