"""The admin's own pages: the start page (dashboard) and the playground."""
