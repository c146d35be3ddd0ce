package capture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// threeCXEntry is one recording as 3CX's XAPI lists it, with the name of the file that was fetched for it.
type threeCXEntry struct {
	ID        json.Number `json:"Id"`
	StartTime string
	EndTime   string
	CallType  string // InboundExternal, OutboundExternal, Internal …

	FromDn, FromCallerNumber, FromDisplayName, FromDidNumber string
	ToDn, ToCallerNumber, ToDisplayName, ToDidNumber         string

	File string `json:"file"`
}

// whole reads what the XAPI said of a recording that was fetched.
func (d *threeCX) whole(_ string, b []byte) ([]row, error) {
	var e threeCXEntry
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	start, err := time.Parse(time.RFC3339Nano, e.StartTime)
	if err != nil || e.ID == "" {
		return nil, fmt.Errorf("it has no Id or no StartTime, as 3CX's list of recordings gives them")
	}
	end, err := time.Parse(time.RFC3339Nano, e.EndTime)
	if err != nil || end.Before(start) {
		end = start
	}
	o := row{
		id: "recording " + e.ID.String(), keys: []string{"r:" + e.ID.String()}, begins: true, outcome: OutcomeAnswered,
		start: start.UnixMilli(), answer: start.UnixMilli(), end: end.UnixMilli(), callerName: e.FromDisplayName, toName: e.ToDisplayName,
	}
	if e.File != "" {
		o.files = append(o.files, e.File)
	}
	o.caller, o.to = threeCXParty(cmp.Or(e.FromCallerNumber, e.FromDn)), threeCXParty(cmp.Or(e.ToCallerNumber, e.ToDn))
	switch kind := strings.ToLower(e.CallType); {
	case strings.HasPrefix(kind, "inbound"):
		o.direction, o.to, o.inside = Inbound, cmp.Or(e.ToDn, o.to), true
	case strings.HasPrefix(kind, "outbound"):
		o.direction, o.callerExt = Outbound, cmp.Or(e.FromDn, o.caller)
	case strings.HasPrefix(kind, "internal"), strings.HasPrefix(kind, "local"):
		o.direction, o.callerExt, o.to, o.inside = Internal, cmp.Or(e.FromDn, o.caller), cmp.Or(e.ToDn, o.to), true
	default:
		o.inside = extensionLike(o.to)
	}
	o.dialled = cmp.Or(e.ToDidNumber, o.to)
	return []row{o}, nil
}
