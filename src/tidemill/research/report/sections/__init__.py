"""The sections of the report page, one function each, in markup."""
