"""Ways in over HTTP, thin: bytes become a Delivery, errors become statuses, rows become documents."""
