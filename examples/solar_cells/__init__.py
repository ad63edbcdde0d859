"""Solar-cell inspection on ELPV: from raw images to a second, better model after a real shift."""
