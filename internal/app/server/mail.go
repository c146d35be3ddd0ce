package server

import (
	"context"

	"ringfence/internal/app/config"
	"ringfence/internal/app/storage"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/mail"
)

// NewRelay is how mail leaves: by the relay of the configuration.
func NewRelay(c config.Mail) (mail.Sender, error) {
	if c.SMTP == "" {
		return noMail{}, nil
	}
	var password secret.Text
	if c.PasswordFile != "" {
		var err error
		if password, err = storage.SecretFile("mail.password_file", c.PasswordFile); err != nil {
			return nil, err
		}
	}
	return mail.NewRelay(mail.RelayConfig{Address: c.SMTP, From: c.From, User: c.User, Password: password})
}

// noMail is a server whose operator has not said how mail leaves.
type noMail struct{}

func (noMail) Send(context.Context, mail.Message) error {
	return fault.New(fault.Unavailable, "this server has no way to send mail: its operator must set mail.smtp")
}
