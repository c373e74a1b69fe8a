from consortia.cli.app import main

main()
