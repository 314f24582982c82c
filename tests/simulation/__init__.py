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

**It can fail.** With one safeguard taken out of a copy of the code, the first seed, from 0 on, that shows it:

    relay            pull before the confirm 0, or despite a refusal 4; submit without a sweep 0; forget a pull
                     that failed 5; pull the whole outbox 3; never publish again what failed once 4
    notification     record without the token 3; mark as sent at the claim 0; claim without looking again 44; begin
                     at any time of the lease 11, or as long as it lasts though it is as short as a send 0; send
                     after slow reads whatever the lease 142; begin void claims 134; never read facts again 916;
                     no tombstone 16; heed none 16; no sequence guard 0; give up after a refused upsert 1056; drop
                     outcomes while the database is away 12; claim what is not recorded yet 12; an outcome without
                     its event 0; the SMS after the mail 0; say undeliverable twice 5
    reporting        no sequence guard 0; take every refused upsert for a stale one 161; mark new buckets only 0;
                     forget earlier marks 26; clear marks whatever changed 1, or before the figures 2; no fence 86
    consumers        acknowledge before the handler 3; acknowledge what is still being handled 2

Not shown by 3,000 seeds: the fence taken after the facts instead of before them, and contacts that wake nobody,
which only makes messages late.
"""
