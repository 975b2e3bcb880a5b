"""What is kept between two requests, and where."""
