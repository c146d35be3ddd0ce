package cli

import (
	"io"
	"log/slog"

	"ringfence/internal/app/config"
)

// UsualConfig is where the packages and `ringfence init` keep the configuration.
const UsualConfig = "/etc/ringfence/ringfence.yaml"

// NewLog writes what the program tells, as the configuration says.
func NewLog(c config.Log, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // Validate has refused it before
	}
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
