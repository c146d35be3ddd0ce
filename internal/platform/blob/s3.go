package blob

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob/s3blob"

	"ringfence/internal/base/fault"
)

func openS3(ctx context.Context, c S3) (Bucket, error) {
	if c.Bucket == "" || c.Region == "" {
		return nil, fault.Field("objects.s3_bucket", "needs the name of the bucket and its region")
	}
	opts := s3.Options{
		Region:      c.Region,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(c.AccessKey, c.SecretKey.Reveal(), "")),
	}
	where := "the S3 bucket " + c.Bucket
	if c.Endpoint != "" {
		if _, err := endpoint("objects.s3_endpoint", c.Endpoint); err != nil {
			return nil, err
		}
		// Others than Amazon rarely have a name in DNS for each bucket.
		opts.BaseEndpoint, opts.UsePathStyle = &c.Endpoint, true
		where += " at " + c.Endpoint
	}
	b, err := s3blob.OpenBucket(ctx, s3.New(opts), c.Bucket, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "%s cannot be opened", where)
	}
	return openCloud(ctx, b, where)
}
