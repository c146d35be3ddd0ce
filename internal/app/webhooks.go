package app

import (
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/webhook"
)

// What other systems are told of recordings. Ids, times and figures: whoever
// wants to know more asks the API, which asks who they are.

type capturedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Source    id.Source    `json:"source"`
	StartedAt time.Time    `json:"started_at"`
	Seconds   float64      `json:"seconds"`
	Replaced  bool         `json:"replaced"`
}

func tellCaptured(tx *place.Tx, c recording.Captured) error {
	return webhook.Enqueue(tx, webhook.RecordingCaptured, c.Recording.String(), capturedNotice{
		tx.Place().Customer(), c.Recording, c.Source, c.StartedAt, c.Length.Seconds(), c.Replaced,
	})
}

type transcribedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Language  string       `json:"language"`
}

func tellTranscribed(tx *place.Tx, rec id.Recording, language string) error {
	return webhook.Enqueue(tx, webhook.RecordingTranscribed, rec.String(), transcribedNotice{tx.Place().Customer(), rec, language})
}

type destroyedNotice struct {
	Customer  id.Customer  `json:"customer"`
	Recording id.Recording `json:"recording"`
	Reason    string       `json:"reason"`
}

func tellDestroyed(tx *place.Tx, rec id.Recording, reason string) error {
	return webhook.Enqueue(tx, webhook.RecordingDestroyed, rec.String(), destroyedNotice{tx.Place().Customer(), rec, reason})
}
