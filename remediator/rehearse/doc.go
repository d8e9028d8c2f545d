// Package rehearse answers what rules would do, without doing it: what they
// would have paid over events of the past (Backtest), whether they do what the
// tests beside them say (Test, Check), and why a rule did or did not fire for
// one event (Explain).
//
// It asks the fold itself, the function that decides in the service, over other
// inputs: every rule counts as live, every action succeeds at once, and what is
// held stays held. Rule authors meet it as `makegood rules`. It is pure: texts
// and events in, answers out.
package rehearse
