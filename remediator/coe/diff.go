package coe

import "github.com/aymanbagabas/go-udiff"

// Diff is what changed from one text to another, as a unified diff; empty when
// nothing did.
func Diff(fromName, toName, from, to string) string { return udiff.Unified(fromName, toName, from, to) }
