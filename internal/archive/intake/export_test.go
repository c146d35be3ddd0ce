package intake

import "os"

// CompactAt has an index written anew after so many records.
func CompactAt(n int) Options { return Options{compact: n} }

// WithSync has an index made durable by another function.
func (o Options) WithSync(f func(*os.File) error) Options { o.sync = f; return o }
