"""The project: settings, URLs, processes, and the composition root that joins the planes."""
