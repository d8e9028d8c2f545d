package elapsed

// sleeplessClock is CLOCK_MONOTONIC, which on this system goes on in sleep.
const sleeplessClock = 6
