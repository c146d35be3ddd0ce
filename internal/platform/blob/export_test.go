package blob

// Explain is what a bucket in a folder says about a failure.
func Explain(b Bucket, err error) error { return b.(*folder).explain(err) }
