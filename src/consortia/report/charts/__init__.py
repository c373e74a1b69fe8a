"""Pictures drawn on the server as SVG: each with a title, a description and a table twin.

``data`` functions work out what a picture shows (JSON-ready, part of the report's document);
``draw`` functions turn that part of the document into SVG and know nothing else.
"""
