"""Seeded simulation: the product's own code in made-up worlds, where one seed decides everything that happens.

    python -m tests.simulation                       ten thousand seeds, each in every kind of world
    python -m tests.simulation --seeds 300 --jobs 1
    python -m tests.simulation --first 147 --seeds 1 --kind projections --trace

What fails is shown with its seed, the trace of its steps and the command that runs it again. The same seed gives
the same trace on every machine.

**Worlds.** `relays` runs `shared.outbox.Relay`; `deliveries` the whole notification service but for rendering's
files and the sockets: handlers, storage, dispatcher, sender, recorder, relay; `projections` reporting's handlers,
storage and refresher. The latter two hear events through the product's own `Consumers`, with its retries and
acknowledgements. Up to three processes of a service run at once, on virtual time (`world`), each on an event loop
of its own (`loop`, `process`), and share a MongoDB, a RabbitMQ and a provider in memory (`fakes`; that the first
answers as the real one does is tested).

**What goes wrong.** Every request to the outside is a step. At a step that the seed chose a process crashes before
the request leaves it or when the work is done and nobody told it, freezes for longer than its lease or shorter,
or is stopped; a fresh one follows. Connections break; database and broker go away or answer slowly, lose answers
to what they did, let others in between two documents of one statement; confirms come late or never; messages come
twice, late, in any order; providers refuse, are slow, or keep silent about what they took. One world in five is
calm: there everything must happen exactly once.

**What must hold** is said in `outboxes`, `ledger` and `projections`, by rules of their own. How soon things happen
is not asserted, only that they come to rest.

**It can fail.** Seeds from 0 on, with one safeguard taken out of a copy of the code: see MUTANTS.
"""
