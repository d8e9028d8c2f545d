package coe

// AmountText writes the amount of a bar as a document writes the value of its query.
func AmountText(q Query, amount int64) string { return q.amountText(amount) }
