// Package makegood tells the Makegood service what customers experience, from
// inside the application that sees it.
//
// It is for engineers who instrument a program. An application creates one
// [Client] when it starts, emits an event where something happens to a
// customer, and closes the client when it ends:
//
//	mg, err := makegood.New("checkout") // reads MAKEGOOD_URL and MAKEGOOD_TOKEN
//	if err != nil {
//		return err
//	}
//	defer mg.Close()
//
//	mg.Emit(ctx, "com.example.cart.abandoned",
//		makegood.Customer("c-42"), makegood.Subject("order/77"),
//		makegood.Int("items", 3), makegood.Money("total", "59.90 USD"))
//
// Which events lead to a refund, an apology or a stopped line is decided by
// rules in the service; the application only reports.
//
// It also asks whether it may go on. People and rules pull andon cords; a red
// cord closes the gates at its path and below it, until it is released:
//
//	gate := mg.Gate("product/TABLE-7", makegood.FailOpen) // once
//	if gate.Closed() {                                    // for every request
//		return errNotForSale
//	}
//
// # What an application can rely on
//
// Emitting never blocks, unless [SpoolSync] asks for it, never panics and never
// writes a log line per event. A nil *Client and a client without an address are
// safe: they do nothing, so unit tests need no set-up. New never opens a
// connection; it fails only when the configuration is wrong.
//
// Asking a gate is one atomic load, and never an error: when the service cannot
// be asked, the gate answers by the [Mode] that it was declared with. A gate that
// the service closed stays closed while the connection is lost. [GateFile] keeps
// what is known over a restart.
//
// Memory is bounded (8 MiB, see [Memory]) and so is the number of goroutines.
// When the memory is full, new events are dropped and counted; those already
// accepted stay. What was dropped shows in [Client.Stats] and is reported to
// [OnDrop], or to the log when no OnDrop is given.
//
// What was accepted is sent until the service has answered for it: refused
// connections, timeouts, 429 and 5xx are retried with growing, random pauses,
// and so is a wrong address or token, because both can be put right without
// losing events. Every accepted event has a number, counted from 1 in each client,
// and a request bears the client's id and the number of its first event, so the
// service drops what comes again and reports what never came. At any moment
//
//	Accepted = Delivered + Rejected + Lost + InMemory + Spooled
//
// where Rejected counts events that the service refused one by one, Lost those
// that were in memory alone when [Client.Shutdown] ran out of time, and Spooled
// those on disk. An ID given with [ID] makes an event that is emitted twice, for
// instance by a retried request, one event.
//
// # Spool
//
// With [Spool], accepted events are kept in a folder until they are answered for.
// An outage may then last as long as the folder has room (256 MiB, see
// [SpoolLimit]), and events outlive the process:
//
//   - Without [SpoolSync] an event is in memory alone until it is due, 200 ms at
//     most (see [FlushEvery]), and while the disk is behind. From then on it
//     survives the end of the process, also by kill -9, but perhaps not a power
//     loss. Emit waits for nothing.
//   - With SpoolSync TryEmit returns nil once the event survives a power loss too.
//     It waits for the disk meanwhile; those who emit at the same time share one
//     wait.
//
// The next client of the folder sends what is in it, before its own events and as
// the client did that accepted them, so the service drops what it knows already. A
// record cut off by a crash, or damaged, is reported and costs no other. Events
// that the service refused are written to dead.jsonl there, one JSON object with
// time, reason and event a line, 16 MiB at most.
//
// A folder belongs to one client at a time: give each process its own. When it is
// in use, full, read-only or otherwise of no use, the client works in memory as
// without a spool, tells why to the log and to [OnDrop], and tries again after one
// to 30 seconds. Report.InMemory is what a kill would lose.
//
// # How it fits
//
// The caller encodes its event as CloudEvents 1.0 JSON and appends it to a
// buffer of 256 KiB that is ready for the wire. One sender posts what has
// gathered every 200 ms, or sooner when 500 events or a full buffer wait, to
// POST {URL}/v1/events as application/cloudevents-batch+json. With a spool one more
// goroutine writes to disk what has gathered, and the sender reads it from there.
//
// The first gate starts one more goroutine, which listens to
// GET {URL}/v1/andon/stream, or asks {URL}/v1/andon/gates every ten seconds where
// streaming does not work.
//
// Every event carries id (UUID version 7), source (the service's name), type,
// time and, when given, subject, customer, severitynumber, traceparent,
// serviceversion and environment. All other attributes become fields of data.
// Text in data that is not UTF-8 has the bad bytes replaced by U+FFFD. An event
// may take 64 KiB. These make it [ErrInvalid]:
//
//   - NaN and infinite numbers, and amounts that are not like "2.99 USD";
//   - repeated or empty keys, and keys that name an attribute of the event itself:
//     customer, subject, traceparent, severitynumber, specversion, dataschema,
//     datacontenttype;
//   - a type, id, subject, customer or key that is blank, has control characters
//     or is not UTF-8; more than 255 bytes of type, 1,024 of the others; a type
//     that begins with "makegood.";
//   - a time of the event outside the years 1678 to 2261, a severity outside 1 to
//     24, and what [Any] cannot write.
//
// # What is not told
//
// Before its bytes leave the caller an event loses what it should not tell.
// Fields whose keys are on a list (passwords, tokens, card numbers, names,
// addresses and the like, and those of [Deny]) are left out, at any depth, and so
// are those inside a value whose keys are an address or a card number. In all
// other texts of data e-mail addresses become "[email]" and card numbers with a
// right check digit "[card]", also as numbers of 13 to 16 digits. An id that happens to
// look like one is taken for one: of random ids of sixteen digits one in forty, of
// those that begin with a 4 one in ten, of times and of ids with a letter before them
// none. Write such ids with a letter, or as [Verbatim]. [Redact] adds a function of the
// application. A customer or subject that is an e-mail address makes the event
// [ErrInvalid].
// [Hash] writes a pseudonym under the key of [HashKey] instead, [Email] an address
// that rules may write to, and [Verbatim] whatever it is given.
// Report.Redacted counts the fields that were left out or changed. [OnEvent] sees
// events after all that.
//
// # Environment
//
//	MAKEGOOD_URL         address of the service, for example https://makegood.example.com;
//	                     without it, and without [URL] or [Handler], the client is disabled
//	MAKEGOOD_TOKEN       bearer token of an emitter; gates show it too
//	MAKEGOOD_TOKEN_FILE  file that holds the token instead; read again when the service
//	                     answers 401, so a token can be replaced while the program runs
//	MAKEGOOD_SPOOL       folder for events that are not answered for, see [Spool]
//	MAKEGOOD_HASH_KEY    key of pseudonyms, 16 bytes or more, see [HashKey]
//	MAKEGOOD_HASH_KEY_FILE
//	                     file that holds the key instead
package makegood
