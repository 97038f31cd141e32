"""How the course is taught: figures, widgets and the checks of the exercises."""
