import { expect, test } from 'vitest'
import { workerSettings } from '../../../../infra/local/connect.ts'
import { javaArgs, properties } from '../../../../infra/local/java-server.ts'
import { kafkaSettings } from '../../../../infra/local/kafka.ts'

test('one line a setting, backslashes kept', () => {
  expect(properties({ a: 1, 'b.c': 'x\\y' })).toBe('a=1\nb.c=x\\\\y\n')
})

test('a value cannot smuggle in a second setting', () => {
  expect(() => properties({ a: 'x\nb=1' })).toThrow('the setting a must not hold a line break')
  expect(() => properties({ 'a\rb': 'x' })).toThrow(TypeError)
})

test("Kafka's data does not know its ports", () => {
  const one = kafkaSettings({ port: 1001, controllerPort: 1002, data: '/data' })
  const two = kafkaSettings({ port: 2001, controllerPort: 2002, data: '/data' })
  const differing = Object.keys(one).filter(key => one[key] !== two[key])
  expect(differing.toSorted()).toEqual(['advertised.listeners', 'controller.quorum.voters', 'listeners'])
  expect(one).toMatchObject({ 'node.id': 1, 'auto.create.topics.enable': 'false', 'offsets.topic.replication.factor': 1 })
})

test('the worker writes offsets exactly once and allows our producer settings', () => {
  const settings = workerSettings({ port: 8083, brokers: '127.0.0.1:9092', plugins: '/plugins' })
  expect(settings).toMatchObject({
    'exactly.once.source.support': 'enabled',
    'offset.flush.interval.ms': 5000,
    'connector.client.config.override.policy': 'All',
    'key.converter.schemas.enable': 'false',
    'value.converter.schemas.enable': 'false',
    'config.storage.replication.factor': 1,
    'plugin.path': '/plugins',
  })
})

test('the heap is bounded and the class comes after the class path', () => {
  const args = javaArgs('/jars', 'kafka.Kafka', { heapMb: 512, args: ['a.properties'] })
  expect(args[0]).toBe('-Xmx512m')
  expect(args.slice(-4)).toEqual(['-cp', '/jars/*', 'kafka.Kafka', 'a.properties'])
})
