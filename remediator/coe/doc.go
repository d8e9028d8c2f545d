// Package coe is the correction of an error as a document: a draft made of the
// facts of the ledger, the numbers in it, and what must hold before it is published.
//
// # The document
//
// A COE is CommonMark, in sections whose titles are fixed (Sections). A number is a
// reference link whose destination is a query, defined at the end of the text:
//
//	[12 customers][q2] were refunded [59.80 USD][q3].
//
//	[q2]: query:customers?rule=refund-poor-playback&since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z&size=4711
//
// Every viewer of Markdown shows the sentence, and nobody who writes has to look at
// the query. A query counts facts of the first size entries of the ledger, which
// never change, so that it has one value for ever. A graph is an image whose
// destination is a query under graph:, a line of the timeline ends with a link to
// ledger: and the sequence of the fact that it comes from, or with (recalled).
//
// # What is here
//
// Query says what is counted, Book reads the facts that queries ask for, New writes a
// draft, Read takes a text apart, Check says what keeps it from being published,
// HTML and the graphs show it, and WriteBundle packs it with its proofs. All of it
// takes values and returns values.
package coe
