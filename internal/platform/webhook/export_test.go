package webhook

import (
	"strconv"
	"time"
)

// Seconds is a time as the header writes it.
func Seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
