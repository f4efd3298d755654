"""The zoo: broken machines, each with a recording to hunt in. Spoilers: hunt before you read.

Each module has ``STORY``, what its people say of it; ``scenario(engine, chance)``, which is
recorded; and ``exercises(chance, history)``, in the order of the hunt. The broken machine and a
mended one stand in it as they are shown, without annotations.
"""
