package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"ringfence/internal/base/fault"
)

// Ask does one operation by its path; in and out are JSON, or nil.
func (c *Client) Ask(ctx context.Context, method, path string, in, out any) error {
	header, body := http.Header{}, []byte(nil)
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
		header.Set("Content-Type", "application/json")
	}
	res, err := c.do(ctx, method, path, nil, header, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if out == nil {
		return nil
	}
	return fault.Wrap(json.NewDecoder(io.LimitReader(res.Body, jsonMax)).Decode(out), fault.Unavailable, "the answer broke off, or is not what this program expects")
}

// From gets a file from a byte on, and how long it is as a whole. A server that
// begins elsewhere than it was asked to is refused: what is here already would
// not fit to it.
func (c *Client) From(ctx context.Context, path string, offset int64) (body io.ReadCloser, whole int64, err error) {
	header := http.Header{}
	if offset > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	res, err := c.do(ctx, http.MethodGet, path, nil, header, nil)
	if err != nil {
		return nil, 0, err
	}
	if offset == 0 && res.StatusCode == http.StatusOK && res.ContentLength >= 0 {
		return res.Body, res.ContentLength, nil
	}
	// RFC 9110 §14.4: bytes 100-199/200
	span, total, ok := strings.Cut(strings.TrimPrefix(res.Header.Get("Content-Range"), "bytes "), "/")
	whole, err = strconv.ParseInt(total, 10, 64)
	if res.StatusCode != http.StatusPartialContent || !ok || err != nil || !strings.HasPrefix(span, strconv.FormatInt(offset, 10)+"-") {
		res.Body.Close()
		return nil, 0, fault.New(fault.Unavailable, "the server does not go on at byte %d", offset)
	}
	return res.Body, whole, nil
}
