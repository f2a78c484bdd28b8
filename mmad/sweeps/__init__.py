"""Forward and reverse sweeps over a tape, as numbers or as further instructions."""
