// Package browser has no code but tests: they walk through the console as people
// do, in Chromium, with a service, a provider and a shop behind it, and look at
// every page of the navigation for what a browser alone can tell.
package browser
