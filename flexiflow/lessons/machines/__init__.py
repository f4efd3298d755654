"""The machines that learners see. Each `Machine` here is one.

Their code is shown as it is written, so it is written as learners would: without annotations.
"""
