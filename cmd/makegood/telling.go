package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/makegood/makegood/remediator"
)

// telling are the flags of serve that say how people and systems are told.
type telling struct {
	Templates      string `env:"MAKEGOOD_TEMPLATES" type:"path" help:"Folder of templates for mail and chat. Without it notify steps wait."`
	SMTP           string `env:"MAKEGOOD_SMTP" help:"Mail server, like smtp://user@mail.example.com:587 or smtps://user@mail.example.com." name:"smtp"`
	SMTPPassword   string `env:"MAKEGOOD_SMTP_PASSWORD_FILE" type:"path" help:"File with the mail server's password." name:"smtp-password-file"`
	MailFrom       string `env:"MAKEGOOD_MAIL_FROM" help:"Sender of mail, like \"The shop <care@shop.example>\"."`
	Directory      string `env:"MAKEGOOD_DIRECTORY" help:"Address behind which the business says who a customer is: GET ADDRESS/CUSTOMER."`
	DirectoryToken string `env:"MAKEGOOD_DIRECTORY_TOKEN_FILE" type:"path" help:"File with the token that the directory asks for." name:"directory-token-file"`
	ChatURL        string `env:"MAKEGOOD_CHAT_URL_FILE" type:"path" help:"File with the address where a chat takes messages." name:"chat-url-file"`
	Webhooks       string `env:"MAKEGOOD_WEBHOOKS" type:"path" help:"File of the receivers and sources of webhooks."`
	MailDryRun     bool   `env:"MAKEGOOD_MAIL_DRY_RUN" help:"Write, log and seal every message, and send none."`
}

// config reads the files that the flags name.
func (t telling) config() (remediator.Telling, error) {
	c := remediator.Telling{Templates: t.Templates, SMTP: t.SMTP, MailFrom: t.MailFrom, Directory: t.Directory, Webhooks: t.Webhooks, DryRun: t.MailDryRun}
	for _, secret := range []struct {
		what, file string
		into       *string
	}{
		{"mail password", t.SMTPPassword, &c.SMTPPassword}, {"directory token", t.DirectoryToken, &c.DirectoryToken}, {"chat address", t.ChatURL, &c.ChatURL},
	} {
		if secret.file == "" {
			continue
		}
		text, err := os.ReadFile(secret.file)
		if err != nil {
			return c, fmt.Errorf("read %s: %w", secret.what, err)
		}
		if *secret.into = strings.TrimSpace(string(text)); *secret.into == "" {
			return c, fmt.Errorf("read %s: %s is empty", secret.what, secret.file)
		}
	}
	return c, nil
}
