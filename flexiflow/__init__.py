from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.declarations import on
from flexiflow.guards import guard
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine, StateRegistry
