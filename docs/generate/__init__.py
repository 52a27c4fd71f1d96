"""The pages of the documentation that are generated: from the workflow, the configuration's types and the parsers."""
