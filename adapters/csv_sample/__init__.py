"""The steel sample: a CSV of a real steel plant, 15-minute intervals."""
