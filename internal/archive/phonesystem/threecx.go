package phonesystem

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/secret"
)

// threeCX is the XAPI of 3CX, version 20: OData over HTTPS, a token by client credentials (RFC 6749 §4.4).
type threeCX struct{}

func (threeCX) signIn(ctx context.Context, c *call) (token, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.set.ClientID}, "client_secret": {c.set.Secret.Reveal()}}
	a, err := c.ask(ctx, http.MethodPost, "/connect/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode()))
	if err != nil {
		return token{}, err
	}
	var said struct {
		Token   string `json:"access_token"`
		Expires int64  `json:"expires_in"`
	}
	switch {
	case a.Status == http.StatusBadRequest:
		return token{}, errToken // invalid_client, as older releases answer
	case a.Status != http.StatusOK:
		return token{}, fault.New(fault.Invalid, "at this address no 3CX of version 20 answers (status %d)", a.Status)
	case json.Unmarshal(a.Body, &said) != nil || said.Token == "":
		return token{}, fault.New(fault.Invalid, "at this address something answers that is no 3CX")
	}
	return token{secret.NewText(said.Token), c.s.o.Now().Add(time.Duration(min(max(said.Expires, 60), 3600)) * time.Second)}, nil
}

func (c *call) bearing() http.Header {
	return http.Header{"Authorization": {"Bearer " + c.bearer.Reveal()}, "Accept": {"*/*"}}
}

// threeCXPage is how many recordings are listed at once.
const threeCXPage = 100

func (threeCX) list(ctx context.Context, c *call, from mark) (page []entry, next mark, more bool, err error) {
	filter := "Id gt " + strconv.FormatInt(from.ID, 10)
	if from.ID == 0 && !from.At.IsZero() {
		filter = "StartTime ge " + from.At.UTC().Format(time.RFC3339)
	}
	q := url.Values{"$filter": {filter}, "$orderby": {"Id asc"}, "$top": {strconv.Itoa(threeCXPage)}}
	a, err := c.ask(ctx, http.MethodGet, "/xapi/v1/Recordings?"+strings.ReplaceAll(q.Encode(), "+", "%20"), c.bearing(), nil)
	if err != nil {
		return nil, from, false, err
	}
	var said struct {
		Value []json.RawMessage `json:"value"`
	}
	if a.Status == http.StatusNotFound {
		return nil, from, false, fault.New(fault.Invalid, "this 3CX has no list of recordings: it is older than version 20, or its licence has no API")
	}
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &said) != nil {
		return nil, from, false, fault.New(fault.Invalid, "the 3CX answers its list of recordings with something else (status %d)", a.Status)
	}
	next = from
	for _, raw := range said.Value {
		e, seq, ok := threeCXEntry(raw)
		if !ok || seq <= from.ID { // a page that comes again brings nothing new
			continue
		}
		if e.At.IsZero() {
			break // under way: it is listed again when it has ended
		}
		page = append(page, e)
		next.ID, next.At = max(next.ID, seq), e.At
	}
	return page, next, len(said.Value) >= threeCXPage && next.ID > from.ID, nil
}

// threeCXEntry reads one recording of the list. One that has not ended has no time.
func threeCXEntry(raw json.RawMessage) (e entry, seq int64, ok bool) {
	var said struct {
		ID           int64 `json:"Id"`
		StartTime    string
		EndTime      *string
		RecordingUrl string
	}
	if json.Unmarshal(raw, &said) != nil || said.ID <= 0 {
		return e, 0, false
	}
	if said.EndTime != nil && *said.EndTime != "" {
		if t, err := time.Parse(time.RFC3339Nano, said.StartTime); err == nil {
			e.At = t.UTC()
		}
	}
	e.UID, e.File = strconv.FormatInt(said.ID, 10), strconv.FormatInt(said.ID, 10)
	e.Name, e.Ends = fmt.Sprintf("recording-%d", said.ID), ".wav"
	if strings.EqualFold(path.Ext(said.RecordingUrl), ".mp3") {
		e.Ends = ".mp3"
	}
	var all map[string]any
	if json.Unmarshal(raw, &all) != nil {
		return e, 0, false
	}
	for _, far := range []string{"Transcription", "Summary"} { // the system's own words about the call are not asked for
		delete(all, far)
	}
	all["file"] = e.Name + e.Ends
	e.Facts, _ = json.Marshal(all)
	return e, said.ID, true
}

func (threeCX) fetch(ctx context.Context, c *call, e entry, to io.Writer) error {
	a, err := c.sound(ctx, "/xapi/v1/Recordings/Pbx.DownloadRecording(recId="+url.PathEscape(e.File)+")", c.bearing(), to)
	switch {
	case err != nil:
		return err
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		return fault.New(fault.NotFound, "its sound is no longer there")
	case a.Status != http.StatusOK:
		return fault.New(fault.NotFound, "its sound is refused (status %d)", a.Status)
	}
	return nil
}
