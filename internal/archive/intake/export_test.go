package intake

// CompactAt has an index written anew after so many records.
func CompactAt(n int) Options { return Options{compact: n} }
