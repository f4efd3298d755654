"""What every answer stands on: frames and their shapes, values, times, words."""
