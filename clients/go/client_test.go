package ringfence_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	ringfence "ringfence/clients/go"
)

// TestAgainstAServer asks the server that RINGFENCE_URL names. The server's own
// tests start one and run this; without one there is nothing to ask.
func TestAgainstAServer(t *testing.T) {
	server, customer := os.Getenv("RINGFENCE_URL"), os.Getenv("RINGFENCE_CUSTOMER")
	if server == "" {
		t.Skip("RINGFENCE_URL names no server")
	}
	text, err := os.ReadFile(os.Getenv("RINGFENCE_TOKEN_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	client, err := ringfence.Connect(server, strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	limit := int64(2)
	var first string
	seen := map[string]bool{}
	for r, err := range ringfence.Pages(func(cursor string) ([]ringfence.Recording, string, error) {
		list, err := ringfence.Check(client.ListRecordingsWithResponse(ctx, customer, &ringfence.ListRecordingsParams{Cursor: &cursor, Limit: &limit}))
		if err != nil {
			return nil, "", err
		}
		return list.JSON200.Items, list.JSON200.NextCursor, nil
	}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[r.Id], first = true, r.Id
	}
	if len(seen) != 3 {
		t.Errorf("%d recordings over two pages", len(seen))
	}
	opened, err := ringfence.Check(client.OpenRecordingWithResponse(ctx, customer, first, ringfence.OpenRecordingJSONRequestBody{What: "listen"}))
	if err != nil {
		t.Fatal(err)
	}
	if opened.HTTPResponse.Header.Get("RateLimit-Policy") != `"requests";q=200;w=2` {
		t.Error(opened.HTTPResponse.Header)
	}
	draft := ringfence.WebhookDraft{Name: "go", Url: "https://crm.example/hook", Events: []string{"recording.captured"}, Purpose: "test", Region: "here"}
	hook, err := ringfence.Check(client.CreateWebhookWithResponse(ctx, customer, nil, draft))
	if err != nil || !strings.HasPrefix(hook.JSON201.Secret, "whsec_") {
		t.Fatal(err)
	}
	draft.Url, draft.Events = "https://10.0.0.1/", []string{"call.said"}
	_, err = ringfence.Check(client.CreateWebhookWithResponse(ctx, customer, nil, draft))
	var p *ringfence.Problem
	if !errors.As(err, &p) || p.Status != 422 || len(p.Errors) != 2 || p.Request == "" {
		t.Errorf("%v", err)
	}
}
