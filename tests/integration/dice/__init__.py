"""One game of the dice: see game.py."""
