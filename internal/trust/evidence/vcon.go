package evidence

import (
	"fmt"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/base/id"
	"ringfence/internal/trust/proof"
)

// vcon writes a recording as a vCon. Sound and words stand beside it and are named
// by relative addresses with their hashes: the draft wants https there, but the
// file has to work without a network.
func vcon(d recording.Detail, one proof.Recording, heard, said string, now time.Time) proof.VCon {
	call := d.Card.Call
	caller := proof.VConParty{Tel: tel(call.Caller.Number), Name: call.Caller.Name, Type: "caller"}
	v := proof.VCon{
		Syntax: "0.4.0", UUID: uuid(d.ID), CreatedAt: now.UTC().Format(time.RFC3339), Subject: "Call of " + d.StartedAt.UTC().Format(time.RFC3339),
		Parties: []proof.VConParty{caller},
	}
	if call.Dialled != "" {
		v.Parties = append(v.Parties, proof.VConParty{Tel: tel(call.Dialled), Type: "dialled"})
	}
	for _, a := range call.Agents {
		v.Parties = append(v.Parties, proof.VConParty{Tel: tel(a.Extension), Name: a.Name, Type: "agent"})
	}
	sound := proof.VConDialog{
		Type: "recording", Start: d.StartedAt.UTC().Format(time.RFC3339), Duration: recording.Seconds(d.Length), MediaType: "audio/wav", Filename: one.Sound, URL: one.Sound, ContentHash: heard,
	}
	for i := range v.Parties {
		sound.Parties = append(sound.Parties, i)
	}
	v.Dialog = []proof.VConDialog{sound}
	if said != "" {
		v.Analysis = []proof.VConAnalysis{{
			Type: "transcript", Vendor: "ringfence", Product: d.Transcript.Engine, MediaType: "application/json", Filename: one.Transcript, URL: one.Transcript, ContentHash: said,
		}}
	}
	return v
}

func tel(number string) string {
	if number == "" {
		return ""
	}
	return "tel:" + number
}

// uuid writes an id as others write UUIDs.
func uuid(i id.Recording) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", i[:4], i[4:6], i[6:8], i[8:10], i[10:])
}
