package mailbox_test

import (
	"net/smtp"
	"strings"
	"testing"

	"github.com/makegood/makegood/remediator/sandbox/mailbox"
)

// TestMailbox sends letters as a mail client writes them, and reads them.
func TestMailbox(t *testing.T) {
	t.Parallel()
	box, err := mailbox.Open()
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(box.URL(), "smtp://"), "?starttls=off")
	send := func(mail string) error {
		return smtp.SendMail(address, nil, "care@video.example", []string{"ada@example.com"}, []byte(strings.ReplaceAll(mail, "\n", "\r\n")))
	}
	for _, mail := range []string{
		"To: Ada <ada@example.com>\nSubject: =?utf-8?q?F=C3=BCr_Sie?=\nContent-Transfer-Encoding: quoted-printable\n\n2=2E99 USD\n\n",
		"To: ada@example.com, bob@example.com\nSubject: plain\n\n2=2E99 USD\n",
	} {
		if err := send(mail); err != nil {
			t.Fatal(err)
		}
	}
	for _, broken := range []string{"no header", "Subject: =?unknown?q?x?=\n\nx"} {
		if err := send(broken); err == nil {
			t.Errorf("it takes %q", broken)
		}
	}
	if err := box.Close(); err != nil {
		t.Error(err)
	}
	want := []mailbox.Letter{
		{To: "ada@example.com", Subject: "Für Sie", Text: "2.99 USD"},
		{To: "ada@example.com, bob@example.com", Subject: "plain", Text: "2=2E99 USD"},
	}
	got := box.Letters()
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("it has %+v, want %+v", got, want)
	}
	if err := send("Subject: late\n\nlate"); err == nil {
		t.Error("it takes mail after it was closed")
	}
}
