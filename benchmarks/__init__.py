"""What we measure against peers and limits; never run by the tests."""
