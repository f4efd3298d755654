"""The machines that learners see. Each class here holds the states of one machine.

They are shown as they are written, so they are written as learners would: without annotations.
"""
