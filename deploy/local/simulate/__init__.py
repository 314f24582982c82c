"""Half a year of an office, played in virtual time through the services' own rules: `amtstermin simulate`.

`play` is the play itself: one random number generator, no clock, no input or output, so that the same seed gives
the same figures. `feeding` brings it into the databases of a stack that has seen nobody real.
"""
