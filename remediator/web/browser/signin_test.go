package browser

import "testing"

// TestSignIn signs somebody in by a link, and out, and somebody by a token, who comes
// to where they wanted to go.
func TestSignIn(t *testing.T) {
	t.Parallel()
	browser, c := inChromium(t), newTown(t)
	b := browser.open(t, c.service.URL, window{})
	b.look(c.service.SignInPath())
	b.wait("text=Signed in as admin")
	if h := b.text("main h1"); h != "Today" {
		t.Errorf("a link leads to %q", h)
	}
	b.calm()
	b.click("text=Sign out")
	b.wait("input[name=token]")
	b.look("/refunds")
	if h := b.text("main h1"); h != "Sign in" {
		t.Errorf("who is signed out sees %q", h)
	}
	b.calm()
	b.fill("input[name=token]", c.secrets["odo"])
	b.press("Enter")
	b.wait("text=Signed in as odo")
	if h := b.text("main h1"); h != "Refunds" {
		t.Errorf("a token leads to %q, not to where they wanted to go", h)
	}
	b.calm()
}
