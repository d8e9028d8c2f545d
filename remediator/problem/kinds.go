package problem

// Kind is a kind of problem that the service answers.
type Kind struct {
	Name    string // follows Prefix in the type
	Status  int    // of HTTP
	Meaning string // and what to do
}

// Kinds lists every kind of problem, by name. Programs tell problems apart by their
// types, so that a name keeps its meaning.
func Kinds() []Kind {
	return []Kind{
		{"another-person", 403, "Two people must agree, and who asks is the other one already; the refusal is sealed, and the detail is its reason."},
		{"ask", 422, "The question about the past cannot be answered as it is asked; the detail says what to ask."},
		{"bad-customer", 400, "The customer in the path is none."},
		{"bad-redemption", 400, "The credit cannot be spent as the body says."},
		{"batch-name", 400, "The Idempotency-Key of a batch of events cannot be used."},
		{"body", 400, "The body is not what the operation takes; the detail names the field."},
		{"books", 422, "The provider cannot be compared with for this period."},
		{"busy", 429, "The service has as much in hand as it takes. Try again after Retry-After."},
		{"coe", 422, "The COE cannot be made or published as it is asked; the detail says why."},
		{"content-encoding", 415, "The body is compressed in another way than gzip or zstd."},
		{"credit-stopped", 503, "The service was restored from a backup, and money is not resumed: nothing new is spent."},
		{"endpoint", 502, "The receiver of webhooks did not answer."},
		{"events-rejected", 400, "Some events of the batch are bad, each is named with its index; the others are accepted."},
		{"forbidden", 403, "Who asks has not the role for it; the detail names who has."},
		{"idempotency-key", 400, "The key is no key; with 422, it was used for another command."},
		{"idempotency-key-reused", 422, "The key was used to spend other credit."},
		{"malformed", 400, "The body is not JSON, and nothing of it was accepted."},
		{"media-type", 415, "The body has a media type that the operation does not take."},
		{"method", 405, "The route is not for this method."},
		{"no-idempotency-key", 400, "Spending credit needs an Idempotency-Key."},
		{"not-enough-credit", 409, "The customer has less credit than is to be spent."},
		{"not-found", 404, "There is nothing under this path or id."},
		{"not-ready", 503, "The service is not ready; the detail says why."},
		{"parameter", 400, "A parameter of the path or the query is not what it may be, or is none of the route; the detail names it."},
		{"refused", 409, "The command was decided and refused; the refusal is sealed, and the detail is its reason."},
		{"rules", 422, "The rule files have errors; problems lists each with its place."},
		{"running", 409, "A verification of the ledger is under way, against something else. Ask again when it has ended."},
		{"signature", 401, "The message is signed by nobody whom the source knows."},
		{"timeout", 408, "The body did not come in time."},
		{"timestamp", 400, "The message is stale, or from the future."},
		{"too-large", 413, "The body is larger than the operation takes; the detail has the limit."},
		{"too-many-requests", 429, "Who asks does so more often than they may. Try again after Retry-After."},
		{"unauthorized", 401, "There is no token, or one that does not count any more."},
		{"unavailable", 503, "The store cannot be read or written now. Try again, a command under the same key."},
		{"unknown-source", 404, "No source of webhooks has this name."},
		{"unreadable-body", 400, "The body was cut off, or is badly compressed."},
		{"webhook-header", 400, "The message is not signed, or a header of it is not legal."},
	}
}
