"""Models in the loop: recipes are text and go the way of every change; what is made of them is made by CI alone."""
