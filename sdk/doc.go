// Package makegood emits customer-experience events from an application to the
// Makegood remediator.
package makegood
