package blob

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob/azureblob"

	"ringfence/internal/base/fault"
)

func openAzure(ctx context.Context, a Azure) (Bucket, error) {
	u, err := endpoint("objects.azure_container", a.Container)
	if err != nil {
		return nil, err
	}
	if a.Account == "" {
		a.Account = firstLabel(u.Hostname())
	}
	cred, err := container.NewSharedKeyCredential(a.Account, a.Key.Reveal())
	if err != nil {
		return nil, fault.Field("objects.secret_file", "does not hold an Azure account key (base64)")
	}
	client, err := container.NewClientWithSharedKeyCredential(a.Container, cred, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "the Azure container %s cannot be used", a.Container)
	}
	b, err := azureblob.OpenBucket(ctx, client, nil)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the Azure container %s cannot be opened", a.Container)
	}
	return openCloud(ctx, b, "the Azure container "+a.Container)
}
