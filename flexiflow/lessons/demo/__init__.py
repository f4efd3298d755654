"""The demo: a shop that takes orders, charges, packs and ships them, and records every step.

Run it with `run_demo`, and look at the two files that it leaves. One of its orders never ends. The
files alone tell why; ``history.why("order-1042")`` is a good beginning.

Where a change goes::

    orders      the order itself, at the centre
    fraud       the fraud desk, whose rules can be changed while it works
    stock       a component a product: reserve, take, release, reorder
    payments    the gateway, and charging with retries
    warehouse   dispatcher and pickers; the dispatcher is in the classic style
    shipping    shipments, and the carrier
    billing     invoices and the refund desk
    notices     notifier and audit, who only listen
    customers   what customers do, and the desk that they speak to
    plans       what chance decides about each order, from the seed
    errors      what can go wrong
    shop        how components reach each other; waiting: until an order gets somewhere
    service     opening, serving, closing; run: recording it; files: the folder
    faults      SPOILERS: the faults that are planted, and where in the files each shows

A new fault is one function in ``faults``, which says where it shows, called in one place by the
code that misbehaves; and an order of its own in ``faults.concerns``, so that nothing else happens
to that order.
"""

from flexiflow.lessons.demo.run import (
    DemoFiles,
    DemoResult,
    demo_files,
    run_demo,
    run_demo_async,
)

__all__ = ["DemoFiles", "DemoResult", "demo_files", "run_demo", "run_demo_async"]
