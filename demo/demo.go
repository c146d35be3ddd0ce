// Package demo carries the conversations that `ringfence demo` shows. They are
// sound files as a PBX leaves them (8 kHz, µ-law, stereo: the outside party on
// the left, ours on the right); make.mjs speaks them from conversations.json.
// Nobody real speaks, all numbers are from ranges kept free for drama, and
// transcripts and ratings are not here: the program makes them.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed sounds/*.wav conversations.json
var files embed.FS

// Conversation is one call: its sound and what a telephone system's log would
// say of it.
type Conversation struct {
	Name       string `json:"name"`
	Direction  string `json:"direction"`
	Caller     string `json:"caller"`
	CallerName string `json:"caller_name"`
	Dialled    string `json:"dialled"`
	Queue      string `json:"queue"`
	Extension  string `json:"extension"`
	AgentName  string `json:"agent_name"`
	HoursAgo   int    `json:"hours_ago"` // before the start of the demo
	Sound      []byte `json:"-"`         // a WAV file
}

// Conversations reads all of them.
func Conversations() ([]Conversation, error) {
	b, err := files.ReadFile("conversations.json")
	if err != nil {
		return nil, err
	}
	var all []Conversation
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("demo/conversations.json: %w", err)
	}
	for i := range all {
		if all[i].Sound, err = files.ReadFile("sounds/" + all[i].Name + ".wav"); err != nil {
			return nil, err
		}
	}
	return all, nil
}
