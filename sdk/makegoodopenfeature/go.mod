module github.com/makegood/makegood/sdk/makegoodopenfeature

go 1.25.0

require (
	github.com/makegood/makegood/sdk v0.0.0
	github.com/open-feature/go-sdk v1.18.0
)

require (
	github.com/cloudevents/sdk-go/v2 v2.16.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/json-iterator/go v1.1.12 // indirect
	github.com/modern-go/concurrent v0.0.0-20180306012644-bacd9c7ef1dd // indirect
	github.com/modern-go/reflect2 v1.0.2 // indirect
	go.uber.org/mock v0.6.0 // indirect
)

replace github.com/makegood/makegood/sdk => ../
